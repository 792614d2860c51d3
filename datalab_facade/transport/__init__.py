"""The only folder that knows httpx and the generated client.

``operations`` describes what can be asked of the API, ``api`` sends that with the key, ``storage``
fetches presigned URLs without it, ``exchange`` holds what both have in common, and ``network``
keeps the connections. Nothing of httpx, and no name of the generated client, leaves this package.
"""
