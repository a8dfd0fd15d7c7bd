"""Restrictions and resource limits of a worker process.

confinement     restrict files (Landlock) and capabilities, install the filter of seccomp
seccomp         filter system calls
memory          limit the address space
processor_time  limit the processor time
"""
