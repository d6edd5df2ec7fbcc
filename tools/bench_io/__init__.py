"""The workbench tool: reads every input, switches one output at a time, measures bus and ticks, writes a report."""
