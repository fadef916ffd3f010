// Runs Azurite until standard input ends: the pipe closes when the parent is gone, however it died.
"use strict";
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
require(process.env.AZURITE_MAIN);
