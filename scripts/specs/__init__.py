"""What it takes to turn an OpenAPI document into `generated/`, one idea to a module.

    loading      a file or a URL        -> a document
    yaml_events  YAML                   -> JSON
    provenance   a document, a tree     -> where it comes from
    validating   a document             -> nothing, or a reason to stop
    narrowing    a document, prefixes   -> a smaller document
    normalising  a document             -> what the generator is given
    naming       an operation           -> the module that is generated for it
    shapes       a schema               -> the kinds of JSON it allows
    comparing    two schemas            -> how they differ, and whether a caller breaks
    changes      two documents          -> what changed in the API
    wrapped      function names         -> where the facade uses them
    reporting    changes and places     -> lines for people, JSON for machines
    pins         pyproject.toml         -> nothing, or a reason to stop
    generating   a document, a folder   -> a generated package in it
    trees        folders                -> their bytes, and a patch between two
    swapping     a folder               -> openapi.json and generated/, both or neither
    signals      Ctrl-C, a time limit   -> an exception, or later
    memory       this process           -> no more than it should take

Everything down to `reporting` is a pure function of its arguments, except that `loading`,
`provenance` and `wrapped` read. Only `generating` and `swapping` write.
"""
