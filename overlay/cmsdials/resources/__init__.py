"""The resources of the service, each an attribute of `cmsdials.Dials`."""
