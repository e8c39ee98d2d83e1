"""The modules below `cmsdials.utils` of 1.8 and 2.4, which lead to what is there now; see `cmsdials.legacy`."""

from cmsdials.legacy import add_modules

add_modules(__name__)
