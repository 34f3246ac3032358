#import "A.h"
#define LIMIT 3
typedef struct { int x; } point_t;
@protocol Payable <NSObject>
- (void)pay:(int)x;
@end
@interface Cart : NSObject <Payable>
@property (nonatomic) int total;
- (void)add:(int)price to:(id)b;
+ (instancetype)shared;
@end
@interface Cart (Extra)
- (int)more;
@end
@implementation Cart
- (void)add:(int)price to:(id)b {
  int local = 1;
}
+ (instancetype)shared { return nil; }
static int helper(int x) { return x; }
@end
int main(void) { return 0; }
typedef NS_ENUM(NSInteger, Color) { Red };
