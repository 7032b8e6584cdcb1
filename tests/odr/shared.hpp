// What the two units of the test say of themselves.
#pragma once

#include <vector>

// The addresses of the inline variables, functions and statics that a unit sees.
std::vector<const void*> seen_by_first();
std::vector<const void*> seen_by_second();

// Throws an exception of the library, to be caught by its type in the other unit.
void throw_in_second();
