"""The resources of the service, each an attribute of `cmsdials.Dials`."""

from cmsdials_api import operations

from cmsdials.runtime.background import load

operations.load = load  # no first call imports anything where a Ctrl-C could hit it
