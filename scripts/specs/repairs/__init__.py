"""What is mended in a document before the generator reads it, one kind of fault to a function.

Each function is pure, and gives back what it has done, so that it can be said. `openapi.json`
itself stays as upstream wrote it.
"""
