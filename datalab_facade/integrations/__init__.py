"""Where the package meets others: each module is an extra, and none is needed by the rest."""
