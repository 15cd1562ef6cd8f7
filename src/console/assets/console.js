// Makes pages of the console more comfortable. Each works without it. What it inserts comes from this service as HTML
// that was escaped there, or goes in as text.
"use strict";
