"""What an object store promises: all suites about objects in one."""

from service.testing.contracts.objects.client_uploads import ClientUploadsContract, HousekeepingContract
from service.testing.contracts.objects.contents import ObjectContentsContract


class ObjectStoreContract(ObjectContentsContract, ClientUploadsContract, HousekeepingContract):
    """Needs the fixture ``objects``: an empty store that fulfils every protocol of `ports.objects`."""
