"""Values that must never be seen outside the requests they belong to.

They are written here and nowhere else, so that a traceback which quotes a line
of a test does not look like a leak.
"""

API_KEY = "dl-" + "K3Y" * 6
COOKIE = "c00kie-" + "C" * 12
SIGNATURE = "51gn" * 8
FILLED_IN = "xoxb-" + "T0k3n" * 4

ALL = (API_KEY, COOKIE, SIGNATURE, FILLED_IN)


def presigned(path: str = "out.json", host: str = "storage.example") -> str:
    """Give a URL of the kind that the API hands out."""
    return f"https://{host}/{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={SIGNATURE}"
