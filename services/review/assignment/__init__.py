"""Cases kept for reviewers: proposed as one assignment problem, with reasons; changed by hand or by CSV; applied."""
