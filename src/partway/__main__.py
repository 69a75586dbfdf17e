"""`python -m partway <verb>`."""

import sys

from partway.cli import main

sys.exit(main())
