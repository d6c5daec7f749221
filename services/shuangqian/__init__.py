"""`shuangqian`: the command line of partners, over HTTP only, with audit's beside it."""
