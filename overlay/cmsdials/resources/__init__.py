"""What the service can be asked: one attribute of `cmsdials.Dials` each."""
