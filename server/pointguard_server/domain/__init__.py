"""The words of the domain: codes, errors, records and calendars. No I/O, no clock; any layer may use it."""
