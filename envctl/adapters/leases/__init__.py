"""Leases of devices: kernel locks on files in a folder that all users of a machine share."""
