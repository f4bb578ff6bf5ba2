;; Each function of shapes.wit. A value that is too large for the stack comes as a
;; pointer and may go as the same pointer: that is how everything is given back.
(module
  (memory (export "memory") 2)
  (global $free (mut i32) (i32.const 1024))
  (data (i32.const 16) "no such thing")

  (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get 2) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get 2))))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (block $enough
      (loop $grow
        (br_if $enough
          (i32.le_u (global.get $free) (i32.shl (memory.size) (i32.const 16))))
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
        (br $grow)))
    (local.get $at))

  (func (export "test:shapes/echo@1.2.0#echo") (param i32) (result i32)
    local.get 0)

  (func (export "test:shapes/echo@1.2.0#fallible") (param $good i32) (result i32)
    (if (local.get $good)
      (then
        (i32.store (i32.const 64) (i32.const 0))
        (i32.store (i32.const 68) (i32.const 42)))
      (else
        (i32.store (i32.const 64) (i32.const 1))
        (i32.store (i32.const 68) (i32.const 16))
        (i32.store (i32.const 72) (i32.const 13))))
    i32.const 64)

  (func (export "test:shapes/echo@1.2.0#bare") (param $good i32) (result i32)
    (i32.eqz (local.get $good)))

  (func (export "test:shapes/echo@1.2.0#nothing"))

  (func $greet (param i32 i32) (result i32)
    (i32.store (i32.const 64) (local.get 0))
    (i32.store (i32.const 68) (local.get 1))
    i32.const 64)
  (export "test:shapes/echo@1.2.0#greet" (func $greet))
  (export "test:shapes/more@1.2.0#greet" (func $greet))
  (export "greet" (func $greet))

  (func (export "test:shapes/echo@1.2.0#blank") (param $bytes i32) (result i32)
    (i32.store (i32.const 64)
      (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (local.get $bytes)))
    (i32.store (i32.const 68) (local.get $bytes))
    i32.const 64)

  (func (export "test:shapes/echo@1.2.0#spin") (loop (br 0)))
  (func (export "test:shapes/echo@1.2.0#trap") unreachable)

  (func (export "test:shapes/echo@1.2.0#take") (param i32))
  (func (export "test:shapes/echo@1.2.0#make") (result i32) unreachable))
