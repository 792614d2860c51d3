"""The demo: an invoice, a workflow for it, and an embedded Datalab with a fast clock."""
