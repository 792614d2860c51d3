"""Transfers: moving bytes between storage and disk, resumable and verified.

Nothing here knows what an object in storage is to the API: an output of an execution, a file or
a result of a document. A download gets a :class:`~datalab_facade.transfers.remotes.Remote` and a
way to renew its URL; an upload gets ways to request a URL and to confirm.
"""
