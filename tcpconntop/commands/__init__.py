"""What each command does: `run(args)` of the module named like it; the answer is the exit code.

Imports of numpy, Textual and what needs them stay inside functions: privileges are dropped before
anything starts a thread, and `-b` loads no dashboard.
"""
