"""Pictures of executions and workflows: text for terminals, SVG, and pages of HTML.

Everything is drawn here with the standard library: a chart is a few rectangles
and lines, and a serializer that escapes all it is given (ElementTree) is safer
than a drawing library that takes markup. Nothing is imported before a picture
is asked for.
"""
