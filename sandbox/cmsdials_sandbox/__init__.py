"""A DIALS to run on a laptop: the same HTTP API as CMS's service, with synthetic data.

`python -m cmsdials_sandbox` starts it by hand, `cmsdials_sandbox.serve()` inside a test or a script.  Importing
the package starts nothing and does not load Django: the server runs in its own process, so that it never
touches the settings, threads or signal handlers of the importing program.
"""

from cmsdials_sandbox.options import GENERATIONS, SCALES, Generation, Scale
from cmsdials_sandbox.serving import Sandbox, SandboxError, serve

__all__ = ["GENERATIONS", "SCALES", "Generation", "Sandbox", "SandboxError", "Scale", "serve"]
