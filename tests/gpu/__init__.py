"""What only a real driver can tell (`python3 noxfile.py gpu`); all else is tested without one."""
