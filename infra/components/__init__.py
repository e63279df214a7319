"""The parts of an environment, a ComponentResource a page. Each takes frozen arguments and registers its outputs."""

from pulumi import ComponentResource, ResourceOptions


class Component(ComponentResource):
    """A part of the type `reprise:aws:<part>`. Resources in it take `inside` as their options, or `within` for more."""

    def __init__(self, part: str, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__(f"reprise:aws:{part}", name, None, opts)
        self.inside = ResourceOptions(parent=self)

    def within(self, options: ResourceOptions) -> ResourceOptions:
        """These options, and that the resource is a child of this component."""
        return ResourceOptions.merge(self.inside, options)
