#include <Wire.h>
#define LIMIT 3
const int pin = 3;
void setup() { int x = 1; }
void loop() {}
class Cart { public: void add(int p) { } };
