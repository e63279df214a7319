"""What a store of objects promises; `suite` has it all in one."""
