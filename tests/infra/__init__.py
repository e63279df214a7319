"""
The infrastructure program on the real Pulumi engine, with emulators in place of AWS: `make infra-test`.

What a green run proves depends on the plugin that is found for pulumi-aws. With the real one: that what the program
declares is created, changed and removed as it says. With a stand-in for it: that the engine takes the program, and that
the service works on what the calls have made; not which change the real provider makes in place.
"""
