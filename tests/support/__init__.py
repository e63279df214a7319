"""What tests share: servers to stand on, media made on the spot, waiting for facts."""
