"""What it takes to turn an OpenAPI document into `generated/`, one idea to a module.

    loading      a file or a URL        -> a document
    yaml_events  YAML                   -> JSON
    provenance   a document, a tree     -> where it comes from
    narrowing    a document, prefixes   -> a smaller document
    repairing    a document             -> what the generator is given, and what was mended
    repairs      a document             -> the same without one kind of fault, and what was mended
    validating   a document             -> nothing, or a reason to stop
    naming       an operation           -> the module that is generated for it
    schemas      a document             -> its schemas, and nothing that only looks like one
    samples      a schema               -> a value that it allows
    causes       errors                 -> root causes, and the operations that hang on them
    shapes       a schema               -> the kinds of JSON it allows
    comparing    two schemas            -> how they differ, and whether a caller breaks
    changes      two documents          -> what changed in the API
    wrapped      function names         -> where the facade uses them
    reporting    changes and places     -> lines for people, JSON for machines
    pins         pyproject.toml         -> nothing, or a reason to stop
    generating   a document, a folder   -> a generated package in it
    generator    (a process)            -> what the generator has to say, as JSON
    rewiring     a generated package    -> the same with the names that are on the wire
    wire_forms   a value                -> how a query has it; copied where an operation needs it
    checking     a generated package    -> nothing, or what it would send and should not
    trying       (a process)            -> the same, from importing and asking all of it
    building     a type, a value        -> the value as generated code takes it
    demands      a parameter, a value   -> what has to be sent for it
    skipping     a document, causes     -> the document without what cannot be had
    trees        folders                -> their bytes, and a patch between two
    swapping     a folder               -> openapi.json and generated/, both or neither
    signals      Ctrl-C, a time limit   -> an exception, or later
    memory       this process           -> no more than it should take

Everything down to `reporting` is a pure function of its arguments, except that `loading`,
`provenance` and `wrapped` read. Only `generating`, `rewiring`, `checking`, `skipping`, `swapping`
and `provenance` write.
"""
