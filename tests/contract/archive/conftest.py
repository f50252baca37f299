import sys
from pathlib import Path

# The writer's own tests have the events, the log and the writers that fill an archive.
sys.path.append(str(Path(__file__).parents[2] / "unit" / "writer"))
