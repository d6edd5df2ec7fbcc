"""What a record of a charging session says, as one neutral timeline: lanes, series, marks and phases, whatever the record was."""
