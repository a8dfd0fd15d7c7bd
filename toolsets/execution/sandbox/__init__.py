"""What a worker process may not do, and what it may take.

confinement     files (Landlock), capabilities, and the filter below
seccomp         a filter of system calls
memory          address space
processor_time  seconds of processor time
"""
