"""Lets the models share state_search.py: pytest imports them by path (--import-mode=importlib)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
