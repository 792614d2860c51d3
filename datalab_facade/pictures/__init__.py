"""Pictures of executions and workflows: text for terminals, SVG, and pages of HTML.

The standard library draws everything: a chart is a few rectangles and lines, and
a serializer that escapes all of its input (ElementTree) is safer than a drawing
library that takes markup. Nothing is imported before the first picture is drawn.
"""
