"""The words the services share: entries, events and topics. Pure: no clock, no I/O, no framework."""
