"""What an interrupted run resumes from."""
