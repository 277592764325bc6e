"""The kernel's parts, one noun a file. Compiled with Numba into ``engine.kernel.decide``; used by nothing else."""
