"""Building wheels on this machine: the job, what comes of it, and the compilers."""
