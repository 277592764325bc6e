; The arithmetic of compiled rules: the results of fixed_point.py, in 64-bit steps. Part of every module that
; native_backend writes, and inlined where it is called.
;
; What can fail gives { status, value }: 0 OK, 1 OVERFLOW, 2 DIVISION_BY_ZERO. The value means nothing unless it is OK.

%Result = type { i64, i64 }

declare i64 @llvm.abs.i64(i64, i1)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.ctlz.i64(i64, i1)
declare { i64, i1 } @llvm.sadd.with.overflow.i64(i64, i64)
declare { i64, i1 } @llvm.ssub.with.overflow.i64(i64, i64)

define internal %Result @result(i64 %status, i64 %value) {
  %with_status = insertvalue %Result poison, i64 %status, 0
  %result = insertvalue %Result %with_status, i64 %value, 1
  ret %Result %result
}

; The sum, or what it failed with.
define internal %Result @add(i64 %left, i64 %right) {
  %sum = call { i64, i1 } @llvm.sadd.with.overflow.i64(i64 %left, i64 %right)
  %value = extractvalue { i64, i1 } %sum, 0
  %overflow = extractvalue { i64, i1 } %sum, 1
  %status = zext i1 %overflow to i64
  %result = call %Result @result(i64 %status, i64 %value)
  ret %Result %result
}

define internal %Result @subtract(i64 %left, i64 %right) {
  %difference = call { i64, i1 } @llvm.ssub.with.overflow.i64(i64 %left, i64 %right)
  %value = extractvalue { i64, i1 } %difference, 0
  %overflow = extractvalue { i64, i1 } %difference, 1
  %status = zext i1 %overflow to i64
  %result = call %Result @result(i64 %status, i64 %value)
  ret %Result %result
}

; An unsigned quotient, rounded half to even by its remainder, with its sign. The remainder is below the divisor, and
; that at most 2^63.
define internal %Result @rounded(i64 %quotient, i64 %remainder, i64 %divisor, i1 %negative) {
  %rest = sub i64 %divisor, %remainder
  %above_half = icmp ugt i64 %remainder, %rest
  %half = icmp eq i64 %remainder, %rest
  %odd = trunc i64 %quotient to i1
  %to_even = and i1 %half, %odd
  %up = or i1 %above_half, %to_even
  %more = zext i1 %up to i64
  %magnitude = add i64 %quotient, %more
  %most = select i1 %negative, i64 -9223372036854775808, i64 9223372036854775807
  ; Of the largest word, one more is 0.
  %is_above = icmp ugt i64 %magnitude, %most
  %was_above = icmp ugt i64 %quotient, %most
  %overflow = or i1 %is_above, %was_above
  %status = zext i1 %overflow to i64
  %opposite = sub i64 0, %magnitude
  %value = select i1 %negative, i64 %opposite, i64 %magnitude
  %result = call %Result @result(i64 %status, i64 %value)
  ret %Result %result
}

; left × right, rounded half to even at the sixth place.
define internal %Result @multiply(i64 %left, i64 %right) {
  %signs = xor i64 %left, %right
  %negative = icmp slt i64 %signs, 0
  %left_magnitude = call i64 @llvm.abs.i64(i64 %left, i1 false)
  %right_magnitude = call i64 @llvm.abs.i64(i64 %right, i1 false)
  %left_wide = zext i64 %left_magnitude to i128
  %right_wide = zext i64 %right_magnitude to i128
  %product = mul i128 %left_wide, %right_wide
  %low = trunc i128 %product to i64
  %shifted = lshr i128 %product, 64
  %high = trunc i128 %shifted to i64
  %one_word = icmp eq i64 %high, 0
  br i1 %one_word, label %short, label %long

short:
  %short_quotient = udiv i64 %low, 1000000
  %short_remainder = urem i64 %low, 1000000
  %short_result = call %Result @rounded(i64 %short_quotient, i64 %short_remainder, i64 1000000, i1 %negative)
  ret %Result %short_result

long:
  %too_high = icmp uge i64 %high, 1000000
  br i1 %too_high, label %overflow, label %divide

; Long division of half words by the scale, which is below one. The quotient is below 2^64, for high < scale.
divide:
  %high_moved = shl i64 %high, 32
  %low_upper = lshr i64 %low, 32
  %first = or i64 %high_moved, %low_upper
  %upper = udiv i64 %first, 1000000
  %first_rest = urem i64 %first, 1000000
  %rest_moved = shl i64 %first_rest, 32
  %low_lower = and i64 %low, 4294967295
  %second = or i64 %rest_moved, %low_lower
  %lower = udiv i64 %second, 1000000
  %remainder = urem i64 %second, 1000000
  %upper_moved = shl i64 %upper, 32
  %quotient = or i64 %upper_moved, %lower
  %result = call %Result @rounded(i64 %quotient, i64 %remainder, i64 1000000, i1 %negative)
  ret %Result %result

overflow:
  ret %Result { i64 1, i64 0 }
}

; left ÷ right, rounded half to even at the sixth place.
define internal %Result @divide(i64 %left, i64 %right) {
  %by_zero = icmp eq i64 %right, 0
  br i1 %by_zero, label %zero, label %begin

zero:
  ret %Result { i64 2, i64 0 }

begin:
  %signs = xor i64 %left, %right
  %negative = icmp slt i64 %signs, 0
  %dividend = call i64 @llvm.abs.i64(i64 %left, i1 false)
  %divisor = call i64 @llvm.abs.i64(i64 %right, i1 false)
  %dividend_wide = zext i64 %dividend to i128
  %scaled = mul i128 %dividend_wide, 1000000
  %low = trunc i128 %scaled to i64
  %shifted = lshr i128 %scaled, 64
  %high = trunc i128 %shifted to i64
  %one_word = icmp eq i64 %high, 0
  br i1 %one_word, label %short, label %long

short:
  %short_quotient = udiv i64 %low, %divisor
  %short_remainder = urem i64 %low, %divisor
  %short_result = call %Result @rounded(i64 %short_quotient, i64 %short_remainder, i64 %divisor, i1 %negative)
  ret %Result %short_result

long:
  %too_high = icmp uge i64 %high, %divisor
  br i1 %too_high, label %overflow, label %next

; Bit by bit. The remainder stays below the divisor, which is at most 2^63: twice that and one is still a word.
next:
  %bit = phi i64 [ 63, %long ], [ %bit_below, %next ]
  %rest = phi i64 [ %high, %long ], [ %rest_left, %next ]
  %found = phi i64 [ 0, %long ], [ %quotient, %next ]
  %twice = shl i64 %rest, 1
  %low_moved = lshr i64 %low, %bit
  %digit = and i64 %low_moved, 1
  %dividend_part = or i64 %twice, %digit
  %goes_in = icmp uge i64 %dividend_part, %divisor
  %taken = select i1 %goes_in, i64 %divisor, i64 0
  %rest_left = sub i64 %dividend_part, %taken
  %found_moved = shl i64 %found, 1
  %one = zext i1 %goes_in to i64
  %quotient = or i64 %found_moved, %one
  %bit_below = sub i64 %bit, 1
  %was_last = icmp eq i64 %bit, 0
  br i1 %was_last, label %divided, label %next

divided:
  %result = call %Result @rounded(i64 %quotient, i64 %rest_left, i64 %divisor, i1 %negative)
  ret %Result %result

overflow:
  ret %Result { i64 1, i64 0 }
}

; How far a value is above the whole number below it.
define internal i64 @fraction(i64 %value) {
  %remainder = srem i64 %value, 1000000
  %below = icmp slt i64 %remainder, 0
  %moved = add i64 %remainder, 1000000
  %fraction = select i1 %below, i64 %moved, i64 %remainder
  ret i64 %fraction
}

; The value without its sign; the least word has no counterpart.
define internal %Result @abs(i64 %value) {
  %is_least = icmp eq i64 %value, -9223372036854775808
  %status = zext i1 %is_least to i64
  %magnitude = call i64 @llvm.abs.i64(i64 %value, i1 false)
  %result = call %Result @result(i64 %status, i64 %magnitude)
  ret %Result %result
}

; The largest whole number that is not above the value.
define internal %Result @floor(i64 %value) {
  %fraction = call i64 @fraction(i64 %value)
  %result = call %Result @subtract(i64 %value, i64 %fraction)
  ret %Result %result
}

; The least whole number that is not below the value.
define internal %Result @ceiling(i64 %value) {
  %fraction = call i64 @fraction(i64 %value)
  %whole = icmp eq i64 %fraction, 0
  %missing = sub i64 1000000, %fraction
  %added = select i1 %whole, i64 0, i64 %missing
  %result = call %Result @add(i64 %value, i64 %added)
  ret %Result %result
}

; An award as whole points, by rounding mode: at least this much of a point, in millionths, counts as one more. An award
; below nothing gives nothing.
define internal i64 @points_from(i64 %value, i64 %least) {
  %gives = icmp sgt i64 %value, 0
  %whole = udiv i64 %value, 1000000
  %rest = urem i64 %value, 1000000
  %up = icmp uge i64 %rest, %least
  %more = zext i1 %up to i64
  %rounded = add i64 %whole, %more
  %points = select i1 %gives, i64 %rounded, i64 0
  ret i64 %points
}

define internal i64 @points_down(i64 %value) {
  %points = call i64 @points_from(i64 %value, i64 1000000)
  ret i64 %points
}

define internal i64 @points_up(i64 %value) {
  %points = call i64 @points_from(i64 %value, i64 1)
  ret i64 %points
}

define internal i64 @points_half_up(i64 %value) {
  %points = call i64 @points_from(i64 %value, i64 500000)
  ret i64 %points
}

define internal i64 @points_half_even(i64 %value) {
  %whole = udiv i64 %value, 1000000
  %odd = and i64 %whole, 1
  %least = sub i64 500001, %odd
  %points = call i64 @points_from(i64 %value, i64 %least)
  ret i64 %points
}

; The place of an id above 0 in a hash table, or the free one where it would be: see constants.py. The mask is the
; table's size less one.
define internal ptr @place_of(ptr %table, i64 %mask, i64 %text) {
  %product = mul i64 %text, -7046029254386353131
  %hash = lshr i64 %product, 32
  %first = and i64 %hash, %mask
  br label %look

look:
  %slot = phi i64 [ %first, %0 ], [ %slot_behind, %occupied ]
  %place = getelementptr i64, ptr %table, i64 %slot
  %entry = load i64, ptr %place
  %free = icmp eq i64 %entry, 0
  %same = icmp eq i64 %entry, %text
  %found = or i1 %free, %same
  br i1 %found, label %done, label %occupied

occupied:
  %behind = add i64 %slot, 1
  %slot_behind = and i64 %behind, %mask
  br label %look

done:
  ret ptr %place
}

; Whether an id is in the hash table. 0 and less are nowhere.
define internal i1 @is_member(ptr %table, i64 %mask, i64 %text) {
  %present = icmp sgt i64 %text, 0
  br i1 %present, label %look, label %absent

look:
  %place = call ptr @place_of(ptr %table, i64 %mask, i64 %text)
  %entry = load i64, ptr %place
  %there = icmp ne i64 %entry, 0
  ret i1 %there

absent:
  ret i1 false
}

; Put an id into the hash table; whether it was not there. 0 and less are not put.
define internal i1 @is_new(ptr %table, i64 %mask, i64 %text) {
  %present = icmp sgt i64 %text, 0
  br i1 %present, label %look, label %absent

look:
  %place = call ptr @place_of(ptr %table, i64 %mask, i64 %text)
  %entry = load i64, ptr %place
  store i64 %text, ptr %place
  %new = icmp eq i64 %entry, 0
  ret i1 %new

absent:
  ret i1 false
}

; Whether an id is among the words from one place up to another. 0 and less are nowhere.
define internal i1 @is_listed(ptr %first, ptr %end, i64 %text) {
  %present = icmp sgt i64 %text, 0
  br i1 %present, label %look, label %absent

look:
  %place = phi ptr [ %first, %0 ], [ %behind, %another ]
  %at_end = icmp eq ptr %place, %end
  br i1 %at_end, label %absent, label %compare

compare:
  %entry = load i64, ptr %place
  %same = icmp eq i64 %entry, %text
  br i1 %same, label %listed, label %another

another:
  %behind = getelementptr i64, ptr %place, i64 1
  br label %look

listed:
  ret i1 true

absent:
  ret i1 false
}

; Empty the hash table that a count of different texts of so many lines needs; gives its mask. It has a power of two of
; entries, at least 16 and twice the lines.
define internal i64 @empty_table(ptr %table, i64 %lines) {
  %twice = shl i64 %lines, 1
  %many = icmp ugt i64 %twice, 16
  %least = select i1 %many, i64 %twice, i64 16
  %last = sub i64 %least, 1
  %zeros = call i64 @llvm.ctlz.i64(i64 %last, i1 true)
  %mask = lshr i64 -1, %zeros
  br label %next

next:
  %index = phi i64 [ 0, %0 ], [ %behind, %next ]
  %entry = getelementptr i64, ptr %table, i64 %index
  store i64 0, ptr %entry
  %behind = add i64 %index, 1
  %was_last = icmp eq i64 %index, %mask
  br i1 %was_last, label %done, label %next

done:
  ret i64 %mask
}
