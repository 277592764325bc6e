;; ``fixed_point`` for WebAssembly: the same results, in 64-bit steps. ``wasm_backend`` puts this text into every module
;; that it writes.
;;
;; An operation without a result sets the global $status, 1 for an overflow and 2 for a division by zero, and returns 0.

;; |value| as an unsigned word, which holds 2^63 too.
(func $magnitude (param $value i64) (result i64)
  (select
    (i64.sub (i64.const 0) (local.get $value))
    (local.get $value)
    (i64.lt_s (local.get $value) (i64.const 0))))

;; The number of an unsigned quotient and a sign. The largest magnitude is 2^63 - 1, or 2^63 below zero.
(func $with_sign (param $quotient i64) (param $negative i32) (result i64)
  (if (i64.gt_u
        (local.get $quotient)
        (i64.add (i64.const 0x7fffffffffffffff) (i64.extend_i32_u (local.get $negative))))
    (then
      (global.set $status (i32.const 1))
      (return (i64.const 0))))
  (select
    (i64.sub (i64.const 0) (local.get $quotient))
    (local.get $quotient)
    (local.get $negative)))

;; The quotient, one more if the remainder asks for it. No overflow: divisor - remainder is at least 1.
(func $half_even (param $quotient i64) (param $remainder i64) (param $divisor i64) (result i64)
  (local $rest i64)
  (local.set $rest (i64.sub (local.get $divisor) (local.get $remainder)))
  (i64.add
    (local.get $quotient)
    (i64.extend_i32_u
      (i32.or
        (i64.gt_u (local.get $remainder) (local.get $rest))
        (i32.and
          (i64.eq (local.get $remainder) (local.get $rest))
          (i32.wrap_i64 (i64.and (local.get $quotient) (i64.const 1))))))))

;; The 128-bit product of two unsigned words as (high, low), by halves of a word.
(func $wide_product (param $left i64) (param $right i64) (result i64 i64)
  (local $left_high i64) (local $left_low i64) (local $right_high i64) (local $right_low i64)
  (local $low i64) (local $middle i64) (local $other i64)
  (local.set $left_high (i64.shr_u (local.get $left) (i64.const 32)))
  (local.set $left_low (i64.and (local.get $left) (i64.const 0xffffffff)))
  (local.set $right_high (i64.shr_u (local.get $right) (i64.const 32)))
  (local.set $right_low (i64.and (local.get $right) (i64.const 0xffffffff)))
  (local.set $low (i64.mul (local.get $left_low) (local.get $right_low)))
  (local.set $middle
    (i64.add
      (i64.mul (local.get $left_high) (local.get $right_low))
      (i64.shr_u (local.get $low) (i64.const 32))))
  (local.set $other
    (i64.add
      (i64.mul (local.get $left_low) (local.get $right_high))
      (i64.and (local.get $middle) (i64.const 0xffffffff))))
  (i64.add
    (i64.add
      (i64.mul (local.get $left_high) (local.get $right_high))
      (i64.shr_u (local.get $middle) (i64.const 32)))
    (i64.shr_u (local.get $other) (i64.const 32)))
  (i64.or
    (i64.shl (local.get $other) (i64.const 32))
    (i64.and (local.get $low) (i64.const 0xffffffff))))

;; left * right, rounded half to even at the sixth place. What the others have as functions of their own is written out
;; where nothing can fail: the engine's compiler does not inline, and products are what rules are made of.
(func $multiply (param $left i64) (param $right i64) (result i64)
  (local $negative i32) (local $product i64) (local $quotient i64) (local $twice i64)
  (local.set $negative
    (i64.lt_s (i64.xor (local.get $left) (local.get $right)) (i64.const 0)))
  ;; A product whose estimate is below this is below 2^63 for certain: a double is right to 1 part in 2^52.
  (if (f64.lt
        (f64.abs (f64.mul (f64.convert_i64_s (local.get $left)) (f64.convert_i64_s (local.get $right))))
        (f64.const 9e18))
    (then
      (local.set $product (i64.mul (local.get $left) (local.get $right)))
      (local.set $product
        (select
          (i64.sub (i64.const 0) (local.get $product))
          (local.get $product)
          (local.get $negative)))
      (local.set $quotient (i64.div_u (local.get $product) (i64.const 1000000)))
      ;; Twice what is left of the division: a half is 1,000,000.
      (local.set $twice
        (i64.shl
          (i64.sub (local.get $product) (i64.mul (local.get $quotient) (i64.const 1000000)))
          (i64.const 1)))
      (local.set $quotient
        (i64.add
          (local.get $quotient)
          (i64.extend_i32_u
            (i64.gt_u
              (i64.add (local.get $twice) (i64.and (local.get $quotient) (i64.const 1)))
              (i64.const 1000000)))))
      (return
        (select
          (i64.sub (i64.const 0) (local.get $quotient))
          (local.get $quotient)
          (local.get $negative)))))
  (call $multiply_wide
    (call $magnitude (local.get $left))
    (call $magnitude (local.get $right))
    (local.get $negative)))

;; $multiply for products beyond a word: long division of four half words by the scale, which is below one.
(func $multiply_wide (param $left i64) (param $right i64) (param $negative i32) (result i64)
  (local $high i64) (local $low i64) (local $partial i64) (local $quotient i64)
  (call $wide_product (local.get $left) (local.get $right))
  (local.set $low)
  (local.set $high)
  (if (i64.ge_u (local.get $high) (i64.const 1000000))
    (then
      (global.set $status (i32.const 1))
      (return (i64.const 0))))
  ;; The quotient is below 2^64, for high < scale; so its two halves are all of it.
  (local.set $partial
    (i64.or
      (i64.shl (local.get $high) (i64.const 32))
      (i64.shr_u (local.get $low) (i64.const 32))))
  (local.set $quotient (i64.shl (i64.div_u (local.get $partial) (i64.const 1000000)) (i64.const 32)))
  (local.set $partial
    (i64.or
      (i64.shl (i64.rem_u (local.get $partial) (i64.const 1000000)) (i64.const 32))
      (i64.and (local.get $low) (i64.const 0xffffffff))))
  (local.set $quotient
    (i64.or (local.get $quotient) (i64.div_u (local.get $partial) (i64.const 1000000))))
  (if (i64.gt_u (local.get $quotient) (i64.const 0x8000000000000000))
    (then
      (global.set $status (i32.const 1))
      (return (i64.const 0))))
  (call $with_sign
    (call $half_even
      (local.get $quotient)
      (i64.rem_u (local.get $partial) (i64.const 1000000))
      (i64.const 1000000))
    (local.get $negative)))

;; left / right, rounded half to even at the sixth place.
(func $divide (param $left i64) (param $right i64) (result i64)
  (local $negative i32) (local $dividend i64) (local $divisor i64) (local $quotient i64)
  (if (i64.eqz (local.get $right))
    (then
      (global.set $status (i32.const 2))
      (return (i64.const 0))))
  (local.set $negative
    (i32.ne
      (i64.lt_s (local.get $left) (i64.const 0))
      (i64.lt_s (local.get $right) (i64.const 0))))
  (local.set $dividend (call $magnitude (local.get $left)))
  (local.set $divisor (call $magnitude (local.get $right)))
  ;; (2^64 - 1) / 10^6, the most that is still a word when scaled.
  (if (i64.gt_u (local.get $dividend) (i64.const 18446744073709))
    (then
      (return (call $divide_wide (local.get $dividend) (local.get $divisor) (local.get $negative)))))
  (local.set $dividend (i64.mul (local.get $dividend) (i64.const 1000000)))
  (local.set $quotient (i64.div_u (local.get $dividend) (local.get $divisor)))
  (call $with_sign
    (call $half_even
      (local.get $quotient)
      (i64.sub (local.get $dividend) (i64.mul (local.get $quotient) (local.get $divisor)))
      (local.get $divisor))
    (local.get $negative)))

;; $divide for dividends whose scaled value is beyond a word: division bit by bit.
(func $divide_wide (param $dividend i64) (param $divisor i64) (param $negative i32) (result i64)
  (local $remainder i64) (local $low i64) (local $quotient i64) (local $bit i64)
  (call $wide_product (local.get $dividend) (i64.const 1000000))
  (local.set $low)
  (local.set $remainder)
  (if (i64.ge_u (local.get $remainder) (local.get $divisor))
    (then
      (global.set $status (i32.const 1))
      (return (i64.const 0))))
  (local.set $bit (i64.const 64))
  (loop $next
    (local.set $bit (i64.sub (local.get $bit) (i64.const 1)))
    ;; The remainder stays below the divisor, which is at most 2^63: doubling it cannot overflow.
    (local.set $remainder
      (i64.or
        (i64.shl (local.get $remainder) (i64.const 1))
        (i64.and (i64.shr_u (local.get $low) (local.get $bit)) (i64.const 1))))
    (local.set $quotient (i64.shl (local.get $quotient) (i64.const 1)))
    (if (i64.ge_u (local.get $remainder) (local.get $divisor))
      (then
        (local.set $remainder (i64.sub (local.get $remainder) (local.get $divisor)))
        (local.set $quotient (i64.or (local.get $quotient) (i64.const 1)))))
    (br_if $next (i64.ne (local.get $bit) (i64.const 0))))
  (if (i64.gt_u (local.get $quotient) (i64.const 0x8000000000000000))
    (then
      (global.set $status (i32.const 1))
      (return (i64.const 0))))
  (call $with_sign
    (call $half_even (local.get $quotient) (local.get $remainder) (local.get $divisor))
    (local.get $negative)))

;; What is left of a division by the scale, never negative.
(func $remainder (param $value i64) (result i64)
  (local $rest i64)
  (local.set $rest (i64.rem_s (local.get $value) (i64.const 1000000)))
  (i64.add
    (local.get $rest)
    (select (i64.const 1000000) (i64.const 0) (i64.lt_s (local.get $rest) (i64.const 0)))))

;; The value without its sign; the least word has no counterpart.
(func $abs (param $value i64) (result i64)
  (if (i64.eq (local.get $value) (i64.const 0x8000000000000000))
    (then
      (global.set $status (i32.const 1))
      (return (i64.const 0))))
  (call $magnitude (local.get $value)))

;; The largest whole number that is not above the value.
(func $floor (param $value i64) (result i64)
  (local $rest i64)
  (local.set $rest (call $remainder (local.get $value)))
  (if (i64.lt_s (local.get $value) (i64.add (i64.const 0x8000000000000000) (local.get $rest)))
    (then
      (global.set $status (i32.const 1))
      (return (i64.const 0))))
  (i64.sub (local.get $value) (local.get $rest)))

;; The least whole number that is not below the value.
(func $ceiling (param $value i64) (result i64)
  (local $rest i64)
  (local.set $rest (call $remainder (local.get $value)))
  (if (i64.eqz (local.get $rest))
    (then (return (local.get $value))))
  (local.set $rest (i64.sub (i64.const 1000000) (local.get $rest)))
  (if (i64.gt_s (local.get $value) (i64.sub (i64.const 0x7fffffffffffffff) (local.get $rest)))
    (then
      (global.set $status (i32.const 1))
      (return (i64.const 0))))
  (i64.add (local.get $value) (local.get $rest)))

;; Where in a hash table of (mask + 1) words from byte $start on an id stands, or the free word where it would.
(func $slot (param $start i32) (param $mask i64) (param $text i64) (result i32)
  (local $slot i64) (local $address i32) (local $found i64)
  (local.set $slot
    (i64.and
      (i64.shr_u (i64.mul (local.get $text) (i64.const 0x9e3779b97f4a7c15)) (i64.const 32))
      (local.get $mask)))
  (loop $next
    (local.set $address
      (i32.add (local.get $start) (i32.wrap_i64 (i64.shl (local.get $slot) (i64.const 3)))))
    (local.set $found (i64.load (local.get $address)))
    (if (i32.or (i64.eqz (local.get $found)) (i64.eq (local.get $found) (local.get $text)))
      (then (return (local.get $address))))
    (local.set $slot (i64.and (i64.add (local.get $slot) (i64.const 1)) (local.get $mask)))
    (br $next))
  (unreachable))

;; Whether an id is in the hash table.
(func $is_member (param $start i32) (param $mask i64) (param $text i64) (result i32)
  (if (i64.le_s (local.get $text) (i64.const 0))
    (then (return (i32.const 0))))
  (i64.ne
    (i64.load (call $slot (local.get $start) (local.get $mask) (local.get $text)))
    (i64.const 0)))

;; Put an id above 0 into the hash table; whether it was not there.
(func $is_new (param $start i32) (param $mask i64) (param $text i64) (result i32)
  (local $address i32) (local $found i64)
  (local.set $address (call $slot (local.get $start) (local.get $mask) (local.get $text)))
  (local.set $found (i64.load (local.get $address)))
  (i64.store (local.get $address) (local.get $text))
  (i64.eqz (local.get $found)))

;; Whether an id is among the words from byte $start to byte $stop.
(func $is_listed (param $start i32) (param $stop i32) (param $text i64) (result i32)
  (if (i64.le_s (local.get $text) (i64.const 0))
    (then (return (i32.const 0))))
  (loop $next
    (if (i32.ge_u (local.get $start) (local.get $stop))
      (then (return (i32.const 0))))
    (if (i64.eq (i64.load (local.get $start)) (local.get $text))
      (then (return (i32.const 1))))
    (local.set $start (i32.add (local.get $start) (i32.const 8)))
    (br $next))
  (unreachable))

;; An award as whole points, rounded down.
(func $points_down (param $value i64) (result i64)
  (if (i64.le_s (local.get $value) (i64.const 0))
    (then (return (i64.const 0))))
  (i64.div_u (local.get $value) (i64.const 1000000)))

;; An award as whole points, rounded up.
(func $points_up (param $value i64) (result i64)
  (if (i64.le_s (local.get $value) (i64.const 0))
    (then (return (i64.const 0))))
  (i64.add
    (i64.div_u (local.get $value) (i64.const 1000000))
    (i64.extend_i32_u (i64.ne (i64.rem_u (local.get $value) (i64.const 1000000)) (i64.const 0)))))

;; An award as whole points, a half rounded up.
(func $points_half_up (param $value i64) (result i64)
  (if (i64.le_s (local.get $value) (i64.const 0))
    (then (return (i64.const 0))))
  (i64.add
    (i64.div_u (local.get $value) (i64.const 1000000))
    (i64.extend_i32_u (i64.ge_u (i64.rem_u (local.get $value) (i64.const 1000000)) (i64.const 500000)))))

;; An award as whole points, a half rounded to the even one.
(func $points_half_even (param $value i64) (result i64)
  (if (i64.le_s (local.get $value) (i64.const 0))
    (then (return (i64.const 0))))
  (call $half_even
    (i64.div_u (local.get $value) (i64.const 1000000))
    (i64.rem_u (local.get $value) (i64.const 1000000))
    (i64.const 1000000)))
