import sys
from pathlib import Path

# The archive that the unit tests work out by hand is the one that both readers must agree on.
sys.path.append(str(Path(__file__).parents[2] / "unit" / "reporting"))
