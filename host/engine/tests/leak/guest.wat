;; A guest that leaves a secret wherever a guest can, and one that looks for it
;; there. The first letter of a tool's name says what it does, its arguments are
;; a number of wasm pages:
;;
;;   f(ind)   look everywhere
;;   w(rite)  look, then leave the secret in that many pages, all globals, tables
;;   l(og)    the same as `write`, and log before the end
;;   t(rap)   the same as `log`, and trap
;;   i(nit)   read the passive segments; a trap if they were dropped
;;   d(rop)   drop them
;;   b(udget) log 40 KiB
;;   e(ndless) never end
;;   p(oll)   take a pollable and keep it (only with the import of `;;POLL`)
;;   m(any)   take pollables until the host gives no more
;;
;; The answer is a text of five letters, where a dash stands for "clean":
;; memory, initialised data, globals, the table, its size. `poll` answers with
;; the number of the handle instead.
;;
;; SECRET stands for a number of 64 bits, which is in the code alone.
(module
  (import "fusebox:plugin/request@0.1.0" "log"
    (func $host_log (param i32 i32 i32 i32 i32 i32)))
  ;;POLL (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))

  (memory (export "memory") 2)
  (global $heap (mut i32) (i32.const 32768))
  (global $g32 (mut i32) (i32.const 0))
  (global $g64 (mut i64) (i64.const 0))
  (global $gf (mut f64) (f64.const 0))
  (global $gv (mut v128) (v128.const i64x2 0 0))
  (global $gr (mut funcref) (ref.null func))

  ;; Slot 0 is full from the start, the others are empty.
  (table $table 4 4096 funcref)
  (elem (table $table) (i32.const 0) func $seven)
  (elem $spare func $seven)
  (elem declare func $eight)
  (data $passive "passive!")

  ;; 1024: the answer; 1104: its content; 1300: its text; 1400: the list of no
  ;; tools; 2048: what is checked to be as it was in the file; 4096: a message.
  (data (i32.const 1300) "-----")
  (data (i32.const 2048) "as it is in the file")
  (data (i32.const 4096) "\"0123456789\"")

  (func $seven (result i32) (i32.const 7))
  (func $eight (result i32) (i32.const 8))

  ;; A bump allocator that is emptied at the end of each call.
  (func (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  (func (export "fusebox:plugin/tools@0.1.0#list-tools") (result i32)
    (i32.const 1400))

  ;; At least so many pages; a trap if there are none left.
  (func $room (param $pages i32)
    (if (i32.gt_u (local.get $pages) (memory.size))
      (then (if (i32.eq (i32.const -1)
          (memory.grow (i32.sub (local.get $pages) (memory.size))))
        (then unreachable)))))

  ;; Whether the secret is anywhere in memory, the arguments of the call included.
  (func $in_memory (result i32)
    (local $at i32) (local $end i32)
    (local.set $end (i32.mul (memory.size) (i32.const 65536)))
    (loop $next
      (if (i64.eq (i64.load (local.get $at)) (i64.const SECRET))
        (then (return (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (i32.const 0))

  (func $data_changed (result i32)
    (i64.ne (i64.load (i32.const 2048)) (i64.const 0x7369207469207361))) ;; "as it is"

  (func $in_globals (result i32)
    (i32.or
      (i32.or (i32.ne (global.get $g32) (i32.const 0))
              (i64.ne (global.get $g64) (i64.const 0)))
      (i32.or
        (i32.or (f64.ne (global.get $gf) (f64.const 0))
                (v128.any_true (global.get $gv)))
        (i32.eqz (ref.is_null (global.get $gr))))))

  ;; Slot 0 must be what the file says, every other one must be empty.
  (func $in_table (result i32)
    (local $at i32)
    (if (ref.is_null (table.get $table (i32.const 0))) (then (return (i32.const 1))))
    (if (i32.ne (i32.const 7) (call_indirect $table (result i32) (i32.const 0)))
      (then (return (i32.const 1))))
    (local.set $at (i32.const 1))
    (loop $next
      (if (i32.eqz (ref.is_null (table.get $table (local.get $at))))
        (then (return (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (table.size $table))))
    (i32.const 0))

  (func $note (param $at i32) (param $letter i32) (param $found i32)
    (i32.store8 (i32.add (i32.const 1300) (local.get $at))
      (select (local.get $letter) (i32.const 45) (local.get $found))))

  (func $look
    (call $note (i32.const 0) (i32.const 109) (call $in_memory))
    (call $note (i32.const 1) (i32.const 100) (call $data_changed))
    (call $note (i32.const 2) (i32.const 103) (call $in_globals))
    (call $note (i32.const 3) (i32.const 116) (call $in_table))
    (call $note (i32.const 4) (i32.const 115)
      (i32.ne (table.size $table) (i32.const 4))))

  (func $leave
    (local $at i32) (local $end i32)
    (local.set $at (i32.const 65536))
    (local.set $end (i32.mul (memory.size) (i32.const 65536)))
    (loop $next
      (i64.store (local.get $at) (i64.const SECRET))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (i64.store (i32.const 2048) (i64.const SECRET))
    (global.set $g32 (i32.wrap_i64 (i64.const SECRET)))
    (global.set $g64 (i64.const SECRET))
    (global.set $gf (f64.reinterpret_i64 (i64.const SECRET)))
    (global.set $gv (i64x2.splat (i64.const SECRET)))
    (global.set $gr (ref.func $eight))
    (drop (table.grow $table (ref.func $eight) (i32.const 3000)))
    (table.fill $table (i32.const 0) (ref.func $eight) (i32.const 4)))

  (func $log (param $bytes i32)
    (call $host_log (i32.const 1) (i32.const 4096) (local.get $bytes)
      (i32.const 0) (i32.const 0) (i32.const 0)))

  (func $init
    (memory.init $passive (i32.const 8192) (i32.const 0) (i32.const 8))
    (table.init $table $spare (i32.const 1) (i32.const 0) (i32.const 1))
    (table.set $table (i32.const 1) (ref.null func)))

  ;; 40 KiB of JSON text, one long word.
  (func $log_much
    (memory.fill (i32.const 65536) (i32.const 97) (i32.const 40960))
    (i32.store8 (i32.const 65536) (i32.const 34))
    (i32.store8 (i32.const 106495) (i32.const 34))
    (call $host_log (i32.const 1) (i32.const 65536) (i32.const 40960)
      (i32.const 0) (i32.const 0) (i32.const 0))
    (memory.fill (i32.const 65536) (i32.const 0) (i32.const 40960)))

  (func $digits (param $at i32) (param $length i32) (result i32)
    (local $sum i32) (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (loop $next
      (local.set $sum (i32.add
        (i32.mul (local.get $sum) (i32.const 10))
        (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (local.get $sum))

  (func (export "fusebox:plugin/tools@0.1.0#call-tool")
    (param $name i32) (param i32) (param $arguments i32) (param $length i32)
    (param i32 i32 i32) (param i32 i32) (param i32 i32 i32) (param i32 i32 i32)
    (result i32)
    (local $tool i32)
    (local.set $tool (i32.load8_u (local.get $name)))
    (call $room (call $digits (local.get $arguments) (local.get $length)))
    (call $look)
    (if (i32.or (i32.eq (local.get $tool) (i32.const 119)) ;; w
        (i32.or (i32.eq (local.get $tool) (i32.const 108)) ;; l
                (i32.eq (local.get $tool) (i32.const 116)))) ;; t
      (then (call $leave)))
    (if (i32.or (i32.eq (local.get $tool) (i32.const 108))
                (i32.eq (local.get $tool) (i32.const 116)))
      (then (call $log (i32.const 12))))
    (if (i32.eq (local.get $tool) (i32.const 116)) (then unreachable))
    (if (i32.eq (local.get $tool) (i32.const 105)) (then (call $init))) ;; i
    (if (i32.eq (local.get $tool) (i32.const 101)) (then (loop $on (br $on)))) ;; e
    (if (i32.eq (local.get $tool) (i32.const 98)) (then (call $log_much))) ;; b
    (if (i32.eq (local.get $tool) (i32.const 100)) ;; d
      (then (data.drop $passive) (elem.drop $spare)))
    ;;POLL (if (i32.eq (local.get $tool) (i32.const 112)) (then (i32.store8 (i32.const 1304) (i32.add (i32.const 48) (call $subscribe (i64.const 1))))))
    ;;POLL (if (i32.eq (local.get $tool) (i32.const 109)) (then (loop $on (drop (call $subscribe (i64.const 1))) (br $on))))
    (global.set $heap (i32.const 32768))
    ;; complete, one content, text
    (i32.store (i32.const 1032) (i32.const 1104))
    (i32.store (i32.const 1036) (i32.const 1))
    (i32.store (i32.const 1112) (i32.const 1300))
    (i32.store (i32.const 1116) (i32.const 5))
    (i32.const 1024))
  ;; What it does while it is made, with the mark taken away.
  ;;WORKS (func (export "_initialize") (local $n i32) (loop $again (local.set $n (i32.add (local.get $n) (i32.const 1))) (br_if $again (i32.lt_u (local.get $n) (i32.const 1000)))))
  ;;LOGS (func (export "_initialize") (call $host_log (i32.const 2) (i32.const 4096) (i32.const 12) (i32.const 0) (i32.const 0) (i32.const 0)))
  ;;TRAPS (func (export "_initialize") (unreachable))
)
