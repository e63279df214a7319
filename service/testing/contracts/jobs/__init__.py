"""What a store of jobs promises; `suite` has it all in one."""
