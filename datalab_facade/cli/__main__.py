"""``python -m datalab_facade.cli`` runs the program ``datalab-facade``."""

from __future__ import annotations

from datalab_facade.cli import main

if __name__ == "__main__":
    main()
