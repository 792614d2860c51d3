"""The only room that knows httpx and the generated client.

``operations`` names the generated functions, ``api`` sends what they build to
the API with the key, ``storage`` fetches presigned URLs without it, and
``exchange`` holds what both have in common. Nothing of httpx, and no name of
the generated client, leaves this package.
"""
