"""The command line: a file a command, one place for errors, nothing imported before it is needed."""
