"""Package indexes: reading them, logins, mirrors, and the gate in front of them."""
