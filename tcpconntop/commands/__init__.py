"""What each command does: `run(args)` of the module with the command's name, which returns the exit code.

The other modules are shared by commands. Imports of numpy, of Textual and of modules that need them are
inside functions: privileges must be dropped before a library starts a thread, and `-b` must not load the
dashboard.
"""
