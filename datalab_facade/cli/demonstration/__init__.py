"""What the demo needs: an invoice, a workflow for it, and a Datalab that reads it in a hurry."""
