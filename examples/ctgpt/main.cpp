// The command-line program: a thin main over ctgpt/app.
#include "ctgpt/app/program.hpp"

int main(int argc, char** argv) { return ctgpt::app::program().run(argc, argv); }
